"""The bundled model's tokenizer, put together from the pieces in its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from citydip_rag.embedding.q4 import EncoderFile

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def bundled_tokenizer(source: EncoderFile) -> Tokenizer:
    """A Unigram tokenizer that says where in the text each token stands."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    special = source.special
    tokenizer = Tokenizer(models.Unigram(source.pieces, unk_id=special["<unk>"]))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", special["<s>"]), ("</s>", special["</s>"])],
    )
    return tokenizer
