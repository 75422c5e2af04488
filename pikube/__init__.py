"""pikube: an edge orchestrator for ARM boards that serves the Kubernetes API (see ARCHITECTURE.md)."""

__version__ = "0.1.0"
