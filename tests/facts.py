"""Nouns for tests: a small catalogue, lanes of two groups, a key. Figures are the tests' own, not the shipped ones."""

from fractions import Fraction

from gateway.core.call import Ask, Call, Delivery, Parsed
from gateway.core.catalog import Catalog, Model, Named, Price, SizeFacts
from gateway.core.groups import Billing, Group, Lane
from gateway.core.keys import Key, Limits

DEFAULT = Group("Default", Fraction(1))
ENTERPRISE = Group("NanoBananaEnterprise", Fraction(7, 5))

TEN_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")


# By the token 512 and 1K are cheaper than by the call, 4K is dearer.
USUAL_TOKENS = {"512": 1500, "1K": 2000, "2K": 2700, "4K": 3800}


def size(name: str, side: int, *, usual_s: float = 20.0) -> SizeFacts:
    pixels = {}
    for ratio in TEN_RATIOS:
        width, height = (int(part) for part in ratio.split(":"))
        pixels[ratio] = (side * width // max(width, height), side * height // max(width, height))
    return SizeFacts(
        name,
        pixels,
        usual_s,
        image_tokens=1120,
        usual_tokens=USUAL_TOKENS[name],
        ceiling_tokens=4000,
        thinking_ceiling_tokens=8000,
    )


def model(
    model_id: str = "flash", *, fixed_size: bool = False, price: Price | None = None, thinks: bool = False
) -> Model:
    names = ("1K",) if fixed_size else ("512", "1K", "2K", "4K")
    sides = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
    return Model(
        id=model_id,
        title=model_id.title(),
        version="1",
        created=1_770_000_000,
        sizes={name: size(name, sides[name]) for name in names},
        default_size="1K",
        fixed_size=fixed_size,
        thinking_levels=() if fixed_size else ("minimal", "high"),
        always_thinks=thinks,
        web_search=not fixed_size,
        image_search=not (fixed_size or thinks),
        references=14,
        reference_tokens=1120,
        input_tokens=65_536,
        output_tokens=32_768,
        price=price or Price(55_000_000, Fraction(140), Fraction(16_800)),
    )


FLASH = model()
PRO = model("pro", price=Price(90_000_000, None, None), thinks=True)
OLD = model("old", fixed_size=True, price=Price(20_000_000, None, None))


def catalog() -> Catalog:
    names = {each.id: Named(each.id, each, None) for each in (FLASH, PRO, OLD)}
    names["flash-4k"] = Named("flash-4k", FLASH, "4K")
    return Catalog((FLASH, PRO, OLD), names)


def lane(group: Group = DEFAULT, name: str | None = None, billing: Billing = Billing.PAY_AS_YOU_GO_PRIORITY) -> Lane:
    return Lane(name or group.name.lower(), group, "http://127.0.0.1:9", billing)


def key(limits: Limits | None = None) -> Key:
    return Key("key_1", "acme", "test", "abcd", limits or Limits(), created_at=0.0)


def ask(model: Model = FLASH, *, size: str = "1K", thinking: str | None = None, references: int = 0) -> Ask:
    return Ask(model, size, references=references, thinking=thinking, text_bytes=100)


def call(asked: Ask | None = None, *, form: object = None, delivery: Delivery = Delivery.WHOLE) -> Call:
    parsed = Parsed(
        asked_name=(asked or ask()).model.id,
        ask=asked or ask(),
        delivery=delivery,
        body=b'{"contents":[{"parts":[{"text":"a lighthouse"}]}]}',
        streams=delivery is not Delivery.WHOLE,
        form=form,
    )
    return Call(
        "call_1", "req_1", key(), "gemini", "generate", parsed, arrived_at=0.0, made_at=1_790_000_000.0, patience_s=60
    )
