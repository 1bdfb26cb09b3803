"""One Ray node of a cluster that raytui runs: what the launchers beside this folder start and stay with.

Plain modules with ordinary imports between them, standard library only, Python 3.8 or newer. `node` is the whole course
of a head and of a worker; `supervisor` runs `ray start` and watches it; `settings` is what the environment says;
`process` finds and ends Ray's processes; `health` asks a head whether it is one; `output` tells why Ray ended; `files`
is the folder that a cluster's nodes share; `report` is where a node says how it is; `page` answers on the application's
port; `log_shipper` ships Ray's logs to the shared folder while the node lives, `shipped_logs` is how they lie there.
"""
