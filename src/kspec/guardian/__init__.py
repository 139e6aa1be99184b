"""The guardian: a small program that owns every process of one run and outlives its owner.

`kspec.processes.Supervisor` starts it in a session of its own, with one end of a socket pair. It
starts processes when asked, tells how they ended, and when the socket closes, because the owner
asked for it or is dead, it kills all that is below it and removes the run's directory. Being a
subreaper, it inherits descendants that forked twice and left their session
(https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html). Elsewhere than on Linux
process groups must do.

It runs with `python -I -S` and a package of that name which holds nothing but this folder, so it
sees only the standard library and us. The first process of a run waits for it, hence no import
here (dataclasses, typing, pathlib, json) that costs 5 to 15 ms.

A frame is its length (4 bytes, big-endian) and fields that NUL separates. Numbers are decimal.

    to the guardian     here 0              and the run's directory, open and locked
                        spawn N SWEEP EXE CWD TARGETS ARGC ARG... NAME=VALUE...
                                            and descriptors for the targets
                        signal N NUMBER     to the group of process N
                        kill N              it and its descendants
                        close
    from the guardian   started N PID | failed N STAGE ERRNO | exited N STATUS | gone N | error TEXT
"""
