"""VMware Cloud Services: access management."""

from bulkops.providers.vmware_csp.adapter import ADAPTER

__all__ = ["ADAPTER"]
