"""Another try at a fact that was given up: recorded from where it lies, so that nobody but its service publishes it."""

from __future__ import annotations

from nats.aio.client import Client

from contracts.dead_letters import RedriveDeadLetter, RedrivenDeadLetter
from contracts.envelope import RequestContext
from contracts.errors import ErrorCode, RmosError
from runtime.dead_letters import BusAway, DeadLetter, DeadLetters, NoSuchLetter
from runtime.logs import Logger
from services.rmos.event_log.fact import MalformedFact, append_request
from services.rmos.event_log.recorder import Appends


class LetterHandler:
    def __init__(self, client: Client, log_of_events: Appends, log: Logger) -> None:
        self._letters = DeadLetters(client)
        self._events = log_of_events
        self._log = log

    async def redrive(self, command: RedriveDeadLetter, request: RequestContext) -> RedrivenDeadLetter:
        """First into the log, then out of DEAD: cut off in between, the letter is there for another try, which finds
        the fact on record by its id.

        Raises NOT_FOUND; INVALID_REQUEST for what still is no fact, and whatever the log says to it; the letter then
        stays. UNAVAILABLE when bus or log is away.
        """
        try:
            letter = await self._letters.one(command.number)
            recorded = await self._events.append(append_request(letter.subject, letter.headers, letter.body))
            await self._letters.take_out(command.number)
        except NoSuchLetter as error:
            raise RmosError(ErrorCode.NOT_FOUND, str(error), number=command.number) from error
        except MalformedFact as error:
            raise RmosError(ErrorCode.INVALID_REQUEST, str(error), number=command.number) from error
        except BusAway as error:
            raise RmosError(ErrorCode.UNAVAILABLE, f"{error}; ask again") from error
        self._report(letter, recorded.positions[0], request)
        return RedrivenDeadLetter(number=command.number, position=recorded.positions[0], repeated=recorded.repeated)

    def _report(self, letter: DeadLetter, position: int, request: RequestContext) -> None:
        self._log.info(
            "fact_redriven",
            number=letter.number,
            subject=letter.subject,
            position=position,
            actor=request.actor.id,
            request_id=request.request_id,
        )
