"""The clock of `cargo xtask interop speed`.

`read DIRECTORY` reads each message in a folder with the Python connector: the bundle, and the header with all that it refers
to. `run COMMAND...` runs a command. Both print the seconds that passed and those that processors worked, and the most memory
that was held, in MiB.
"""

import json
import pathlib
import resource
import subprocess
import sys
import time


def read(directory):
    from koppeltaal import connector, definitions
    from koppeltaal.fhir import bundle

    url = "https://portal.example/fhir"
    integration = connector.Integration(name="Interop", url=url, software="Interop", version="1.0")
    start, worked = time.perf_counter(), time.process_time()
    for path in pathlib.Path(directory).glob("*.json"):
        packed = bundle.Bundle("Zonnedauw", integration)
        packed.add_payload(json.loads(path.read_text()))
        packed.unpack_model(definitions.MessageHeader)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [time.perf_counter() - start, time.process_time() - worked, memory]


def run(*command):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return [seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]


print(json.dumps({"read": read, "run": run}[sys.argv[1]](*sys.argv[2:])))
