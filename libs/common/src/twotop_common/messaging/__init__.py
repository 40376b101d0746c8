"""RabbitMQ behind a few names: facts and commands are delivered, hints are only sent."""
