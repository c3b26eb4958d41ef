"""What JAX is taught once: batches as the last axis, decisions for a batch, own transposes."""
