"""The whole service under random faults and steady load, and what must be true of it afterwards."""
