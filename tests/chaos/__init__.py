"""The fault campaign: whatever fails where, the table says what the latest version of every file says."""
