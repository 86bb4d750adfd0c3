"""Webhooks: what is told of recordings and calls (`events`), and when it is sent again (`sending`)."""
