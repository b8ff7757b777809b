"""The events of a Kafka topic, fetched."""
