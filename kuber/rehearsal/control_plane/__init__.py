"""A real Kubernetes control plane on this machine, with nodes that kwok simulates and stand-ins for what runs in a cluster."""

from kuber.rehearsal.control_plane.control_plane import ControlPlane, ControlPlaneError
from kuber.rehearsal.control_plane.nodes import Nodes, NodeSpec
from kuber.rehearsal.control_plane.programs import ControlPlaneMissingError, Programs, find_programs

__all__ = [
    "ControlPlane",
    "ControlPlaneError",
    "ControlPlaneMissingError",
    "NodeSpec",
    "Nodes",
    "Programs",
    "find_programs",
]
