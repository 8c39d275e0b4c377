"""The knowledge store: official files made ready once, as sorted tables that say where every row is from."""

from endotype.annotation.knowledge.build import build_knowledge as build_knowledge
