"""A test workbench: API v2, ingress and workloads of a Cloudera AI workbench, behaving as badly as a real one.

No workbench is available to tests, so honesty about CAI needs a stand-in that fails in all the ways that were seen in
the field.

    python -m tests.fakes.workbench --root DIR [--port N] [--fault NAME=VALUE ...] [--stub] [--start-seconds S] [--seed
    N] [--validate]

It prints one JSON line `{"url", "domain", "api_key", "project_id"}` when it is ready. Applications answer at
`<subdomain>.<domain>` by Host header; where names below localhost do not resolve, connect to `url` and send that Host.
`<api_key>-api`, `<api_key>-application` and `<api_key>-readonly` are narrower keys. Outside the API, never faulty,
without a key: `GET /_test/state` is the truth (`applications` with their living pids, `requests`), `GET` and `POST
/_test/faults` show and change the faults.

| behaviour of a real workbench | where | fault or option | |---|---|---| | the script runs as a notebook kernel runs it
| kernel.py | | | one project folder, a private /tmp, a small /dev/shm | runner.py | shm_mb | | an own address per
engine, new on restart | environment.py | | | ingress by Host header, login, audiences, 502 | ingress.py |
authorization_passes | | RUNNING only after polls of the port | lifecycle.py | start_seconds, start_timeout | | endless
STARTING, quota | lifecycle.py | endless_start, quota, quota_cpu | | automatic restarts | lifecycle.py | auto_restart,
restart_interval, end_status, restart_refused | | duplicates, patterns, runtimes and scripts are checked | api/ |
duplicate, missing_script, no_runtimes | | slow stops and deletes | lifecycle.py | slow_stop, slow_delete, stop_grace,
sigkill_only | | stops and deletes that never end | lifecycle.py | stuck_stop, stuck_delete | | a list that lags behind
| listing.py | list_lag | | answers lost before or after the work, 429, 5xx, HTML, login | failures.py | errors,
fail_request, fail_how, fail_operation, withhold, retry_after, slow, expired_login | | creates that go on after a
gateway's 504 | failures.py | ambiguous_create, late_seconds | | the client killed at a chosen request | failures.py |
kill_pid, kill_pid_before, kill_pid_after | | pages | paging.py | page_size, page_limit, repeat_token | | orphan engines
| lifecycle.py | orphan_on_restart | | older status words | server.py | older_status | | files become visible late, and
may not be moved onto others | files.py, api/ | visibility, upload_fails, rename_onto | | an Envoy sidecar |
sidecar_fault.py | sidecar, sidecar_drop | | projects from git | cloning.py | clone_fails, clone_seconds, git_source | |
jobs and runs | runs.py | stub_jobs, job_fails | | the site | sitedata.py | no_gpu, oom | | keys | state.py |
key_invalid, wrong_audience, read_only, admin_key |

`--help` explains every fault. Linux only; with the right to mount (root) each workload gets a mount namespace, else a
TMPDIR of its own.
"""
