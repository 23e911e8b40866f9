"""A type of bodies that schemathesis knows nothing of: tus' pieces of files, which are bytes."""
import schemathesis

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
