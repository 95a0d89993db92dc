"""Rules for addresses that clients name: pictures to fetch, receivers of events."""
