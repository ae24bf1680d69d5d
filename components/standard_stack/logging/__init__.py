"""filebeat on every node, which ships logs to Logstash."""
