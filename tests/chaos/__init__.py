"""The fault campaign: whatever fails where, the table says what the newest version of every file says."""
