"""Templates: parsed, checked, resolved and put in order; nothing here touches a service."""
