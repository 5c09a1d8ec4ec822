"""A simulated organisation of VMware Cloud Services (CSP): its access management."""
