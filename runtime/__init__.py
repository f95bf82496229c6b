"""Process plumbing without a business word: bus, blobs, clock, ids, logs, pools, settings, embedded servers."""
