"""What every benchmark is made of: services to start, load, rounds, figures and pages."""
