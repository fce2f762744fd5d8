"""What Balto keeps of Pykka's promises: each test passes for plain threads and for both dispatchers."""
