"""What was in a channel, and when: told from the ledger, of which every event states where all channels are."""
