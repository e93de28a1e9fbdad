"""What users call on a stream inside of an application: observe, policy, normalize, inject and extract."""
