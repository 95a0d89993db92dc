"""What runs in the child: settings from the pipe, then one task after another until the parent is gone."""

import sys
from multiprocessing.connection import Connection

from jobs.logs import set_up_logs
from jobs.settings import Settings
from worker.confinement import confine, grant_processor_time
from worker.content_check import UnusableCheck
from worker.kit import Kit
from worker.tasks import superimpose


def serve(connection: Connection) -> None:
    """Send an empty message when ready, then answer each request id with the outcome of its task."""
    settings = Settings.model_validate_json(connection.recv_bytes())
    confine(settings)
    with Kit.open(settings) as kit:
        connection.send_bytes(b"")
        while True:
            request_id = connection.recv_bytes().decode()
            grant_processor_time(settings.attempt_timeout_s)
            outcome = superimpose(kit, request_id)
            connection.send_bytes(outcome.to_bytes())


def main(descriptor: int) -> None:
    """Serve the pipe open as `descriptor`; where that cannot begin, the first message says why."""
    set_up_logs()
    connection = Connection(descriptor)
    try:
        serve(connection)
    except UnusableCheck as error:
        connection.send_bytes(str(error).encode())
    except (EOFError, BrokenPipeError):
        return


if __name__ == "__main__":
    main(int(sys.argv[1]))
