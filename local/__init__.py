"""The whole of AWS that Sluice uses, on one machine: no account, no Docker."""

from local.connection import Connection
from local.deploy import DeployFailed, Deployment, deploy
from local.stack import LocalAWS, PortTaken, StartFailed

__all__ = ["Connection", "DeployFailed", "Deployment", "LocalAWS", "PortTaken", "StartFailed", "deploy"]
