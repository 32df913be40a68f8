"""What MiniStack lacks of the AWS that Sluice uses, added by patching its functions before it starts.

MiniStack's modules are private API, so its version is pinned exactly and every patch here has a contract
test of its own in tests/local/ that fails without it.
"""
