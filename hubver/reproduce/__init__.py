"""Run a published revision's training again from what its record says, and compare what comes out byte for byte."""
