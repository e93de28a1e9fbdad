"""One file a vendor: what its events mean."""
