"""The Python package fhirkit-rs as a judge of R4 resources: run by `cargo xtask interop r4-validators`.

Reads a JSON list of texts from the standard input. Prints an object: for the judge a list with the errors of each text.
"""
import json
import sys

import fhirkit


def errors(text):
    try:
        return [f"{issue.path}: {issue.message}" for issue in fhirkit.validate(text) if issue.severity == "error"]
    except ValueError as error:
        return [f"not readable: {error}"]


texts = json.loads(sys.stdin.buffer.read())
json.dump({"fhirkit-rs": [errors(text) for text in texts]}, sys.stdout)
