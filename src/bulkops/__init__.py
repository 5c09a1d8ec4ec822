"""bulkops: bulk operations for the people who administer SaaS organisations."""

__version__ = "0.1.0"
__all__ = ["__version__"]
