"""WireMock Cloud's administration of an organisation, simulated from the vendor's published facts."""
