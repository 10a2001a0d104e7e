"""Open data sets on other hosts: what they are, how they are downloaded."""
