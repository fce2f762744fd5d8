"""What one phrase costs, step by step."""
