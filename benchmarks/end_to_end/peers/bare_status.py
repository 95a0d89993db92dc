"""The least that a status can cost: a Starlette route that does one Redis GET."""

from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.end_to_end.peers import work

redis = Redis(unix_socket_path=work.REDIS_SOCKET)


async def status(request: Request) -> Response:
    return Response(await redis.get(request.path_params["job_id"]), media_type="application/json")


app = Starlette(routes=[Route("/jobs/{job_id}", status)])
