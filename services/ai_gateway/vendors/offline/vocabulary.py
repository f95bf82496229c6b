"""The words the offline designer understands, as tables. Order matters: longer phrases stand before their parts."""

from __future__ import annotations

from typing import Literal

Kind = Literal["ring", "petals", "tiles", "windows", "herringbone", "rope", "dots", "polygon", "arcs"]
"""What a band of a rosette is filled with."""

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
UNITS = tuple(_UNITS.split())
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
TENS = dict(zip(_TENS.split(), range(20, 100, 10), strict=True))

NOUNS: tuple[tuple[Kind, str], ...] = (
    ("herringbone", r"herring[\s-]?bones?|chevrons?|zig[\s-]?zags?|fish[\s-]?bones?|arrowheads?"),
    ("rope", r"ropes?|twists?|braids?|plaits?|cables?|cords?"),
    ("petals", r"petals?|petall?ed|leaf|leaves|lobes?|lancets?|vesicas?|teardrops?|rays?|florets?|points?|pointed"),
    ("windows", r"windows?|panels?|spokes?|sectors?|wedges?|fans?|slots?|arches"),
    ("tiles", r"tiles?|tiled|blocks?|checks?|squares?|tesserae|chips?|segments?|bricks?|pieces?|mosaics?"),
    ("dots", r"dots?|dotted|pearls|beads?|studs?|berries|buttons?|stars|moons?"),
    ("arcs", r"arcs?|crescents?|swooshes|sweeps"),
    ("ring", r"rings?|lines?|purflings?|circles?|stripes?|bands?|borders?"),
)

SIDES: tuple[tuple[str, int], ...] = (
    (r"triang(?:le|ular)", 3),
    (r"squared? (?:ring|frame|band|outline|rosette)", 4),
    (r"pentagon(?:al)?s?", 5),
    (r"hexagon(?:al)?s?", 6),
    (r"heptagon(?:al)?s?", 7),
    (r"octagon(?:al)?s?", 8),
    (r"nonagon(?:al)?s?", 9),
    (r"decagon(?:al)?s?", 10),
    (r"dodecagon(?:al)?s?", 12),
)

MATERIALS: tuple[tuple[str, str], ...] = (
    (r"white mother[\s-]of[\s-]pearl|mother[\s-]of[\s-]pearl|mop|nacre|pearl|shell", "mother_of_pearl"),
    (r"abalone|paua", "abalone"),
    (r"macassar(?: ebony)?", "ebony_macassar"),
    (r"(?:african |gaboon )?ebony", "ebony_african"),
    (r"brazilian rosewood", "rosewood_brazilian"),
    (r"(?:east )?(?:indian )?rosewood", "rosewood_east_indian"),
    (r"soft maple", "maple_soft"),
    (r"(?:hard |rock |flamed |curly )?maple|sycamore", "maple_hard"),
    (r"(?:black )?walnut", "walnut_black"),
    (r"(?:honduran )?mahogany", "mahogany_honduran"),
    (r"padd?[ao]uk", "padauk"),
    (r"purple\s?heart", "purpleheart"),
    (r"blood\s?wood", "bloodwood"),
    (r"box\s?wood", "boxwood"),
    (r"zebra\s?wood", "zebrawood"),
    (r"(?:swiss )?pear(?:wood)?", "pear"),
    (r"cherry", "cherry_black"),
    (r"holly", "holly"),
    (r"wenge", "wenge"),
    (r"koa", "koa"),
    (r"cocobolo", "cocobolo"),
    (r"sapele", "sapele"),
    (r"ziricote", "ziricote"),
    (r"bubinga", "bubinga"),
    (r"bone", "bone"),
    (r"brass", "brass"),
    (r"copper", "copper"),
    (r"silver", "silver"),
    (r"celluloid|pearloid", "celluloid"),
    (r"turquoise|stone", "reconstituted_stone"),
    (r"(?:black )?fibre|(?:black )?fiber", "fibre_black"),
    (r"black", "ebony_african"),
    (r"white", "holly"),
    (r"cream|ivory", "bone"),
    (r"dark brown", "wenge"),
    (r"brown|dark wood", "walnut_black"),
    (r"dark red|crimson|scarlet", "bloodwood"),
    (r"red|orange", "padauk"),
    (r"purple|violet", "purpleheart"),
    (r"yellow", "boxwood"),
    (r"gold(?:en)?", "brass"),
    (r"pink", "pear"),
    (r"blue|green|iridescent|teal", "abalone"),
    (r"light wood|blonde?", "maple_hard"),
)
"""Words for woods, shells and colours -> catalog id. A colour means the usual material of that colour."""

NOT_INLAY = r"top|tops|soundboard|body|guitar|neck|back|sides|plate|fingerboard|bridge|ukulele|stock"
"""A material before one of these words is what the rosette goes into, not what it is made of."""

STYLES: tuple[tuple[str, str], ...] = (
    (r"gothic|cathedral|tracery|notre[\s-]?dame|medieval|stained[\s-]glass", "gothic"),
    (r"celtic|irish|knot(?:work|ted)?|interlace[d]?|viking|braided", "celtic"),
    (r"art[\s-]?deco|deco|gatsby|chrysler", "art_deco"),
    (r"art[\s-]?nouveau|nouveau|jugendstil|organic|flowing", "art_nouveau"),
    (r"spanish|torres|classical|flamenco|iberian|moorish|alhambra", "spanish"),
    (r"checker(?:board|ed)?|chequer(?:board|ed)?|chess(?:board)?|basket[\s-]?weave", "checkerboard"),
    (r"minimal(?:ist|istic|ism)?|simple|plain|clean|subtle|understated|scandinavian|japanese|zen|shaker", "minimalist"),
    (r"sun[\s-]?burst|sun[\s-]?rays?|sun|rays|radiant|solar", "sunburst"),
    (r"snow[\s-]?flakes?|frost|ice|winter|crystal", "snowflake"),
    (r"compass|stars?|starburst|night sky|galaxy|celestial", "star"),
    (r"ocean|sea|waves?|water|river|wind|wing(?:s|ed)?", "waves"),
    (r"wheels?|spoked|cart|steampunk|gears?|cogs?", "wheel"),
    (r"modern|contemporary|asymmetric(?:al)?|futuristic|abstract|bauhaus|techno", "modern"),
    (r"geometric(?:al)?|crystalline|faceted|honeycomb|beehive", "geometric"),
    (r"flor(?:al|a)|flowers?|bloss?oms?|dais(?:y|ies)|sunflowers?|lotus|lil(?:y|ies)|garden|tulips?|mandala", "floral"),
    (r"roses?|peon(?:y|ies)|camellias?", "rose"),
    (r"herring[\s-]?bone|chevron|zig[\s-]?zag", "herringbone"),
    (r"rope|twist(?:ed)?|braid|nautical|sailor", "rope"),
    (r"mosaics?|byzantine|roman|tessellat(?:ed|ion)", "mosaic"),
    (r"traditional|vintage|old[\s-]style|martin|steel[\s-]string|pre[\s-]war|dreadnought", "traditional"),
    (r"polka|bubbles?|dotted|beaded", "beaded"),
)

ROLES: tuple[tuple[str, str], ...] = (
    ("hole", r"sound\s?-?holes?|holes?|inner|inside|internal|opening"),
    ("depth", r"deep|depth"),
    ("band", r"wide|width|broad|bandwidth"),
    ("outer", r"outer|outside|external|overall|across|total|diameter|dia|rosettes?|inlay|od"),
    ("other", r"thick|thin|long|length|high|tall|gap|web|kerf|bit|cutter|mill|tool|scale|strips?"),
)
"""What a length is for, by the words beside it. `other` lengths say nothing about the rosette's size."""

_STOP_WORDS = (
    "with by from around between plus over under inside outside surrounded framed fold string strings guitar year "
    "years old inch inches mm cm percent degree degrees of for in on per each every"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""A number and its noun never have one of these between them."""
