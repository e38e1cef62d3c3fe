#!/usr/bin/env python3
"""Writes a set of sessions and questions, in the shape of LongMemEval: for each question the sessions
that hold its evidence. The same at every run; no model had a part in it.

    make_retrieval_set.py FILE.json [SESSIONS [QUESTIONS]]

A session is small talk of one everyday topic, with at most one fact about the user among it. Of a
question's three ways to ask, one has the fact's own words, one has some, and one has none: so words
alone do not always win, and meaning alone does not either, as facts of one kind differ in a name.
"""
import json
import random
import sys

NAMES = "Ada Bruno Chiara Dmitri Elif Farid Greta Hiro Ines Jonas Kavya Liam Mina Noor Otto Priya Quentin Rosa Sven Tara Umar Vera Wanda Xavier Yuki Zoe".split()
CITIES = "Lisbon Oslo Kyoto Lima Dakar Zagreb Quito Hanoi Perth Tartu Ghent Porto Izmir Cusco Turin Basel".split()
FOODS = "peanuts shellfish gluten strawberries lactose walnuts sesame celery mustard kiwi soy lupin".split()
THINGS = "bicycle camera guitar tent laptop telescope kayak sewing machine drill violin projector".split(" ")
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January March April June July September October November".split()

# What is told, and how it is asked for: with the words, with some, with none.
FACTS = [
    ("By the way, my sister {name} moved to {city} last {month}.",
     ["Where did my sister {name} move to?", "In which city does {name} live now?", "What place does my sibling {name} call home these days?"]),
    ("I should mention that {name} is allergic to {food}, so I leave it out.",
     ["What is {name} allergic to?", "Which food is bad for {name}?", "What must I not serve when {name} comes for dinner?"]),
    ("I have a dentist appointment on {day} at the clinic in {city}.",
     ["When is my dentist appointment in {city}?", "Which day do I see the dentist near {city}?", "When will someone in {city} look after my teeth?"]),
    ("I bought a second-hand {thing} from {name} for the trip.",
     ["What did I buy from {name} for the trip?", "What second-hand thing was {name}'s?", "Which used item did {name} sell to me?"]),
    ("My landlord {name} raised the rent in {month}, which hurts a bit.",
     ["When did my landlord {name} raise the rent?", "In which month did {name} ask for more rent?", "Since when does {name} charge more for my flat?"]),
    ("{name} got a puppy in {month} and it chews on everything.",
     ["When did {name} get a puppy?", "In which month did the puppy of {name} arrive?", "Since when does {name} own a young dog?"]),
    ("My colleague {name} will take over the {city} project from me.",
     ["Who takes over the {city} project?", "Which colleague gets {city} from me?", "To whom do I hand my work on {city}?"]),
    ("We booked the train to {city} for {day} morning, with a table seat.",
     ["For which day is the train to {city} booked?", "When does our train leave for {city}?", "On what weekday do we travel by rail to {city}?"]),
    ("I promised {name} to return the {thing} before {month}.",
     ["What did I promise to return to {name}?", "What of {name}'s do I still have?", "Which borrowed object does {name} expect back?"]),
    ("{name} broke an ankle in {month} while skiing near {city}.",
     ["How did {name} break an ankle near {city}?", "When was the skiing accident of {name}?", "When did {name} get hurt on the slopes?"]),
]

# Small talk: a topic, what is asked of it and what is answered.
TOPICS = {
    "bread": (["How long should sourdough proof?", "My crust is too pale, why?", "Can I freeze the starter?", "Is rye flour heavier?"],
              ["Let the dough rise until it has doubled; a cool kitchen takes longer.", "Bake it hotter and with steam for the first ten minutes.", "Yes, feed it twice after it has thawed."]),
    "code": (["Why does this loop never end?", "How do I read a file by lines?", "What is a lifetime?", "Should I use a map or a list here?"],
             ["The index is never increased inside the loop.", "Open it in a buffered reader and go over its lines.", "It says how long a reference stays valid."]),
    "garden": (["When do I sow tomatoes?", "Something eats my lettuce.", "How often should basil be watered?", "Do roses need pruning in winter?"],
               ["Start them indoors eight weeks before the last frost.", "Slugs most likely; look after dark.", "Keep the soil moist, not wet."]),
    "travel": (["Which plug do they use there?", "Is the night bus safe?", "How early should one be at the airport?", "What do I pack for rain?"],
               ["An adapter of the common European kind will do.", "It is well lit and busy until midnight.", "Two hours are enough for most flights."]),
    "health": (["How do I fall asleep faster?", "Is coffee bad after lunch?", "Which stretch helps the lower back?", "How much water is enough?"],
               ["Keep the same hours and leave the phone outside.", "Its effect lasts about six hours.", "Lie down and pull both knees to the chest."]),
    "money": (["What is an index fund?", "Should I pay the loan first?", "How is interest compounded?", "Is a fixed rate better?"],
              ["It holds every share of a market, at low cost.", "Compare its rate with what savings bring.", "Each year on the sum of the year before."]),
    "music": (["How do I tune down half a step?", "What makes a chord sound sad?", "Which scale fits the blues?", "How long should I practise?"],
              ["Lower each string by one fret.", "The minor third does most of it.", "The pentatonic with a flat fifth."]),
    "history": (["Why did the bridge fall?", "Who built the old harbour?", "When was printing invented?", "What did they trade on that road?"],
                ["Wind set it swinging at its own frequency.", "Merchants paid for it over forty years.", "Silk, paper and glass, among much else."]),
}


def fill(pattern, values):
    return pattern.format(**values)


def session(draw, number, fact):
    asks, answers = TOPICS[draw.choice(sorted(TOPICS))]
    turns = draw.randint(3, 7)
    messages = []
    at = draw.randrange(turns) if fact else -1
    for turn in range(turns):
        said = draw.choice(asks)
        if turn == at:
            said = f"{said} {fact}" if draw.random() < 0.5 else f"{fact} {said}"
        messages.append({"role": "user", "text": said})
        messages.append({"role": "assistant", "text": draw.choice(answers)})
    return {"id": number, "messages": messages}


def main():
    file = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    asked = int(sys.argv[3]) if len(sys.argv) > 3 else 240
    draw = random.Random(42)
    sessions, questions, told = [], [], set()
    while len(sessions) < count:
        kind = draw.randrange(len(FACTS))
        values = {"name": draw.choice(NAMES), "city": draw.choice(CITIES), "food": draw.choice(FOODS),
                  "thing": draw.choice(THINGS), "day": draw.choice(DAYS), "month": draw.choice(MONTHS)}
        pattern, ways = FACTS[kind]
        # What a question names must be of one session alone, or it would have two answers.
        named = {fill(way, {**values, **{"food": "?", "thing": "?"}}) for way in ways}
        is_fact = len(sessions) < count * 9 // 10 and not named & told
        number = len(sessions)
        sessions.append(session(draw, number, fill(pattern, values) if is_fact else None))
        if is_fact:
            told |= named
            if len(questions) < asked:
                way = len(questions) % len(ways)
                questions.append({"question": fill(ways[way], values), "evidence": [number],
                                  "kind": ["same words", "some words", "no words"][way]})
    with open(file, "w", encoding="utf-8") as out:
        json.dump({"sessions": sessions, "questions": questions}, out, ensure_ascii=False, indent=1)


main()
