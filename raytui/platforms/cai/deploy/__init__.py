"""From an API key to a running cluster: projects, jobs, and the pipeline that makes them."""
