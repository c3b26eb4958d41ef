"""Who answers a question: networks and circuits behind the same small protocols."""
