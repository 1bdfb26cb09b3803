"""A test workbench: API v2, ingress and workloads of a Cloudera AI workbench, behaving as badly as a real one.

No workbench is available to tests, so honesty about CAI needs a stand-in that fails in all the ways that were seen in
the field.

    python -m tests.fakes.workbench --root DIR [--port N] [--fault NAME=VALUE ...] [--stub] [--start-seconds S]
        [--seed N] [--validate] [--team NAME] [--quota WORD ...] [--accelerator WORD ...] [--cpu-profile WORD ...]
        [--resource-group WORD ...] [--held WORD ...] [--client FILE] [--network own|shared]
        [--venv DIR] [--tls-cert FILE --tls-key FILE]

It prints one JSON line `{"url", "domain", "api_key", "project_id"}` when it is ready. Applications answer at
`<subdomain>.<domain>` by Host header; where names below localhost do not resolve, connect to `url` and send that Host.
`<api_key>-api`, `<api_key>-application` and `<api_key>-readonly` are narrower keys. Outside the API, never faulty,
without a key: `GET /_test/state` is the truth (`applications` with their living pids and, in `waits_for`, why one is
not scheduled, `requests`), `GET` and `POST /_test/faults` show and change the faults, `GET` and `POST /_test/site` what
the site gives: `{"quota": [words], "held": [words]}` replaces those kinds, an empty list takes one away, and what waits
and fits now is started.

    --quota cpu=16,memory=64,gpu=2            everybody's default; user/NAME:, group/TEAM: and project/NAME: are others'
    --accelerator NVIDIA-A10G:count=4,per_workload=2,quota=2
    --cpu-profile 4x16                        no other sizes are accepted then
    --resource-group gpu:cpu=16,memory=64,gpu=1,nodes=2
    --held train-1:user=alice,project=train,gpu=3,label=NVIDIA-A10G

| behaviour of a real workbench | where | fault or option |
|---|---|---|
| the script runs as a notebook kernel runs it | kernel.py | |
| `!command`, `%magic`, `get_ipython()` in scripts | shell.py | |
| one project folder at /home/cdsw, a private /tmp, a small /dev/shm | runner.py | shm_mb |
| an own network and address per engine, new on restart | network.py | --network |
| the way out is a proxy | relay.py | --network |
| https at `$CDSW_DOMAIN` with a CA that workloads are reported of | certificates.py, doors.py | --tls-cert |
| ingress by Host header, login, audiences, 502 | ingress.py | authorization_passes |
| RUNNING only after polls of the port | lifecycle.py | start_seconds, start_timeout |
| endless STARTING | lifecycle.py | endless_start |
| over quota a workload waits without an error | scheduling.py | quota, quota_cpu, --quota, --team |
| GPUs that are all taken, sizes, groups of nodes | site.py | no_gpu, current_gpus, --accelerator, --cpu-profile |
| what other people hold | site.py | --held, --resource-group, usage_own |
| automatic restarts | lifecycle.py | auto_restart, restart_interval, end_status, restart_refused |
| duplicates, patterns, runtimes and scripts are checked | api/ | duplicate, missing_script, no_runtimes |
| slow stops and deletes | lifecycle.py | slow_stop, slow_delete, stop_grace, sigkill_only |
| stops and deletes that never end | lifecycle.py | stuck_stop, stuck_delete |
| a list that lags behind | listing.py | list_lag |
| answers lost before or after the work | failures.py | errors, fail_request, fail_how, fail_operation, withhold |
| 429, 5xx, HTML, a login page, slowness | failures.py | retry_after, slow, expired_login |
| creates that go on after a gateway's 504 | failures.py | ambiguous_create, late_seconds |
| the client killed at a chosen request | failures.py | kill_pid, kill_pid_before, kill_pid_after |
| pages | paging.py | page_size, page_limit, repeat_token |
| orphan engines | lifecycle.py | orphan_on_restart |
| older status words | server.py | older_status |
| files become visible late; full folders | files.py, api/ | visibility, upload_fails, folder_full |
| files that may not be moved onto others | api/ | rename_onto |
| an Envoy sidecar | sidecar_fault.py | sidecar, sidecar_drop |
| projects from git | cloning.py | clone_fails, clone_seconds, git_source |
| jobs and runs | runs.py | stub_jobs, job_fails |
| why a workload ended | api/usage.py | oom |
| files by POST and by PUT | api/files.py | |
| the vendor's client for everybody and in workloads | client.py | --client |
| lists that only other programs ask for, empty | api/others.py | |
| keys | state.py | key_invalid, wrong_audience, read_only, view_only, admin_key |

`--help` explains every fault and option. Linux only. With root each workload has a mount namespace (else a TMPDIR of
its own, and HOME is the project's real folder) and a network namespace at a bridge of this workbench: any two
workbenches, and clusters of the machine itself, use the same ports and never meet (else each workload has a loopback
address 127.0.1.x, and a program that listens on every address meets its neighbours). Out of such a network
lead the API, at the printed URL and at `https://$CDSW_DOMAIN`, and a proxy (`https_proxy`) for package registries.
"""
