"""dramatiq behind FastAPI. Redis is broker and result backend, a directory holds the pictures."""

from uuid import UUID

import dramatiq
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import ResultMissing, Results
from dramatiq.results.backends import RedisBackend

from benchmarks.end_to_end.peers import work
from benchmarks.end_to_end.peers.api import api

REDIS = f"unix://{work.REDIS_SOCKET}"

results = RedisBackend(url=REDIS)
broker = RedisBroker(url=REDIS)
broker.add_middleware(Results(backend=results, store_results=True))
dramatiq.set_broker(broker)
superimpose = dramatiq.actor(work.run, max_retries=3)


def submit(job: work.Job) -> None:
    broker.enqueue(superimpose.message(job.model_dump()).copy(message_id=job.id))


def status(job_id: UUID) -> str:
    """`done` once there is a result; dramatiq has no other states."""
    message = Message("default", superimpose.actor_name, (), {}, {}, message_id=str(job_id))
    try:
        results.get_result(message)
    except ResultMissing:
        return "pending"
    return "done"


app = api(submit, status)
