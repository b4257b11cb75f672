"""An asyncio handler hands blocking work to `loop.run_in_executor`, which takes no context along,
though `asyncio.create_task` and `asyncio.to_thread` do.
"""

import asyncio
from typing import Any

import shop
from opentelemetry import context, propagate

from throughline_kafka import in_context, traced


async def lost_async() -> None:
    loop = asyncio.get_running_loop()
    orders = shop.place_orders(1)
    for message in shop.take(shop.consumer(orders), 1):
        headers: Any = message.headers()
        token = context.attach(propagate.extract({k: v.decode() for k, v in headers}))
        try:
            with shop.tracer("payments").start_as_current_span("process order"):
                await loop.run_in_executor(None, shop.work, "payments", "charge card")
        finally:
            context.detach(token)


async def whole_async() -> None:
    loop = asyncio.get_running_loop()
    orders = shop.place_orders(1)
    consumer = traced(shop.consumer(orders), tracer_provider=shop.provider("payments"))
    for message in shop.take(consumer, 1):
        with consumer.process(message):
            await loop.run_in_executor(None, in_context(shop.work), "payments", "charge card")


shop.run(lambda: asyncio.run(lost_async()), lambda: asyncio.run(whole_async()))
