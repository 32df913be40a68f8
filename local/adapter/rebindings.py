"""The list of all rebindings, in the order in which they are applied."""

from local.adapter import security_configuration

REBINDINGS = (security_configuration,)


def apply() -> None:
    """Rebind everything. Called once, before MiniStack serves."""
    for module in REBINDINGS:
        module.rebind()
