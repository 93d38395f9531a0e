"""Runs a command under CodeCarbon with the given watts, in its mode that attributes energy to a process and its children.

    python watch.py WATTS COMMAND ...

The command prints a line when it is ready, begins when it reads one, prints its own kWh, and waits for the end of its input,
so that CodeCarbon sees the same work and still finds it in the end.
"""
import json
import subprocess
import sys

from codecarbon import OfflineEmissionsTracker

tracker = OfflineEmissionsTracker(
    country_iso_code="USA",
    tracking_mode="process",
    force_cpu_power=float(sys.argv[1]),
    force_mode_cpu_load=True,
    measure_power_secs=1,
    save_to_file=False,
    log_level="error",
    allow_multiple_runs=True,
)
process = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
process.stdout.readline()
tracker.start()
process.stdin.write("begin\n")
ours = json.loads(process.stdout.readline())["kilowattHours"]
tracker.stop()
process.stdin.close()
process.wait()
print(json.dumps({"ours": ours, "theirs": tracker.final_emissions_data.cpu_energy}))
