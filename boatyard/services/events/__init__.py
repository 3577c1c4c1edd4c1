"""Amazon EventBridge: rules over events, schedules, and deliveries to targets."""
