"""The Kafka runtime: the engine of the embedded runtime, between topics, in transactions."""
