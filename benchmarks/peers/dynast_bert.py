"""Worker of DyNAS-T 1.6: its own BERT supernet, and its own evaluation loop.

Its package imports what does not install on Python 3.11 (fairseq) and what the
network does not need; those modules are replaced by empty ones.

References:
    https://github.com/IntelLabs/DyNAS-T
"""

import functools
import importlib.util
import logging
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch
from worker import NUM_THREADS, Case, serve

torch.set_num_threads(NUM_THREADS)

# Its `sst2_dataloader.prepare_data_loader`: what it pads to, and its batches.
MAX_SEQ_LENGTH, EVAL_BATCH_SIZE = 128, 16


def _stand_in(name: str, folder: Path | None = None, **names: Any) -> None:
    module = types.ModuleType(name)
    if folder is not None:
        module.__path__ = [str(folder)]
    vars(module).update(names)
    sys.modules[name] = module


def _import():
    """Its classes of networks, of data, and of evaluation, unchanged."""
    spec = importlib.util.find_spec("dynast")
    root = Path(next(iter(spec.submodule_search_locations)))
    for name in (
        "dynast",
        "dynast.supernetwork",
        "dynast.supernetwork.machine_translation",
        "dynast.supernetwork.text_classification",
        "dynast.search",
    ):
        _stand_in(name, root.joinpath(*name.split(".")[1:]))
    _stand_in("dynast.utils", log=logging.getLogger())
    _stand_in("dynast.search.evaluation_interface", EvaluationInterface=object)
    _stand_in("torchprofile")
    _stand_in("fairseq.utils")
    _stand_in("fairseq", root, utils=sys.modules["fairseq.utils"])
    from dynast.supernetwork.text_classification import (
        bert_interface,
        bert_supernetwork,
        sst2_dataloader,
    )

    return bert_interface, bert_supernetwork, sst2_dataloader


INTERFACE, NETWORK, LOADER = _import()


def make_model(case: Case) -> torch.nn.Module:
    """Its supernet with the weights of the case."""
    from transformers import BertConfig

    shape = case.shape
    config = BertConfig(
        vocab_size=shape["vocab_size"],
        hidden_size=shape["width"],
        num_hidden_layers=shape["num_layers"],
        num_attention_heads=shape["num_heads"],
        intermediate_size=shape["ffn"],
        max_position_embeddings=shape["max_positions"],
        type_vocab_size=shape["num_segments"],
        layer_norm_eps=shape["norm_epsilon"],
        num_labels=case.num_labels,
    )
    model = NETWORK.BertSupernetForSequenceClassification(config, case.num_labels)
    found = model.load_state_dict(state_dict(case), strict=False)
    if found.missing_keys or found.unexpected_keys:
        raise RuntimeError(f"DyNAS-T: weights must match its BERT; got {found}.")
    return model.eval()


def state_dict(case: Case) -> dict[str, torch.Tensor]:
    """The weights by BERT's names, kernels turned to `outputs inputs`."""
    weights, width = case.weights, case.shape["width"]
    state: dict[str, np.ndarray] = {}

    def linear(target: str, kernel: np.ndarray, bias: np.ndarray, inputs: int):
        state[f"{target}.weight"] = kernel.reshape(inputs, -1).T
        state[f"{target}.bias"] = bias.reshape(-1)

    def norm(target: str, source: str, number: int | None = None):
        for ours, theirs in (("scale", "weight"), ("bias", "bias")):
            leaf = weights[f"{source}.{ours}"]
            state[f"{target}.{theirs}"] = leaf if number is None else leaf[number]

    for ours, theirs in (
        ("word", "word"),
        ("position", "position"),
        ("segment", "token_type"),
    ):
        leaf = weights[f"encoder.embeddings.{ours}"]
        state[f"bert.embeddings.{theirs}_embeddings.weight"] = leaf
    norm("bert.embeddings.LayerNorm", "encoder.embeddings.norm")
    inner = case.shape["num_heads"] * case.shape["head_dim"]
    for number in range(case.shape["num_layers"]):
        layer = f"bert.encoder.layer.{number}"
        for ours, theirs, inputs in (
            ("query", "attention.self.query", width),
            ("key", "attention.self.key", width),
            ("value", "attention.self.value", width),
            ("output", "attention.output.dense", inner),
            ("up", "intermediate.dense", width),
            ("down", "output.dense", case.shape["ffn"]),
        ):
            source = f"encoder.layers.{ours}"
            kernel, bias = weights[f"{source}.kernel"], weights[f"{source}.bias"]
            linear(f"{layer}.{theirs}", kernel[number], bias[number], inputs)
        norm(
            f"{layer}.attention.output.LayerNorm",
            "encoder.layers.attention_norm",
            number,
        )
        norm(f"{layer}.output.LayerNorm", "encoder.layers.ffn_norm", number)
    for ours, theirs in (("hidden", "bert.pooler.dense"), ("output", "classifier")):
        source = f"head.{ours}"
        linear(theirs, weights[f"{source}.kernel"], weights[f"{source}.bias"], width)
    return {k: torch.as_tensor(np.ascontiguousarray(v)) for k, v in state.items()}


def sample_config(case: Case, candidate: int) -> dict[str, Any]:
    """A candidate as `EvaluationInterfaceBertSST2.eval_subnet` passes it on."""
    sizes = case.sizes(candidate)
    return {
        "hidden_size": case.shape["width"],
        "num_layers": len(sizes),
        "num_attention_heads": [heads for heads, _ in sizes],
        "intermediate_size": [ffn for _, ffn in sizes],
    }


class Whole:
    """All sentences are one batch: nothing but the network is timed."""

    def __init__(self, case: Case, options: dict[str, Any]) -> None:
        self.case, self.model = case, make_model(case)
        self.ids = torch.as_tensor(case.ids, dtype=torch.long)

    def work(self) -> dict[str, np.ndarray]:
        """Logits of every candidate and sentence, and accuracies from them."""
        logits = []
        for candidate in range(len(self.case.depth)):
            self.model.set_sample_config(sample_config(self.case, candidate))
            with torch.no_grad():
                logits.append(self.model(self.ids).logits)
        found = torch.stack(logits).numpy()
        return {"logits": found, "accuracy": self.case.accuracy(found.argmax(-1))}

    def outputs(self, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Nothing is left out."""
        return found

    def facts(self) -> dict[str, Any]:
        """The tokens that it computes."""
        return {"batch_size": len(self.ids), "token_slots": self.ids.numel()}


class OwnLoop:
    """Each language by `bert_interface.compute_accuracy_sst2`, as it is.

    The sentences become features as `sst2_dataloader.convert_examples_to_features`
    makes them, all padded to 128 tokens, and a loader as `prepare_data_loader`'s.
    """

    def __init__(self, case: Case, options: dict[str, Any]) -> None:
        self.case, self.model = case, make_model(case)
        self.logits: list[np.ndarray] = []
        longest = case.ids.shape[1]
        if longest > MAX_SEQ_LENGTH:
            raise RuntimeError(f"DyNAS-T: at most 128 tokens; got {longest}.")
        self.loaders = [self._loader(n) for n in range(case.num_languages)]
        self.model.register_forward_hook(self._keep)

    def _loader(self, language: int):
        case = self.case
        features = []
        for row in np.flatnonzero(case.language == language):
            length = int(case.length[row])
            padding = [0] * (MAX_SEQ_LENGTH - length)
            features.append(
                {
                    "input_ids": case.ids[row, :length].tolist() + padding,
                    "input_mask": [1] * length + padding,
                    "segment_ids": [0] * MAX_SEQ_LENGTH,
                    "label_id": int(case.label[row]),
                }
            )
        data = LOADER.create_tensor_dataset(features)
        return LOADER.DataLoader(
            data,
            sampler=LOADER.SequentialSampler(data),
            batch_size=EVAL_BATCH_SIZE,
        )

    def _keep(self, model: torch.nn.Module, inputs: Any, output: Any) -> None:
        self.logits.append(output[1].numpy())

    def work(self) -> dict[str, np.ndarray]:
        """Accuracies of every candidate and language."""
        self.logits.clear()
        score = functools.partial(INTERFACE.compute_accuracy_sst2, model=self.model)
        accuracy = [
            [
                score(sample_config(self.case, candidate), loader)
                for loader in self.loaders
            ]
            for candidate in range(len(self.case.depth))
        ]
        return {"accuracy": np.asarray(accuracy)}

    def outputs(self, found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Adds the logits, in the order of the sentences."""
        num = len(self.case.depth)
        flat = np.concatenate(self.logits).reshape(num, -1, self.case.num_labels)
        order = np.argsort(self.case.language, kind="stable")
        logits = np.empty_like(flat)
        logits[:, order] = flat
        return {**found, "logits": logits}

    def facts(self) -> dict[str, Any]:
        """The tokens that it computes."""
        slots = sum(len(loader.dataset) for loader in self.loaders) * MAX_SEQ_LENGTH
        return {"batch_size": EVAL_BATCH_SIZE, "token_slots": slots}


def make(case: Case, options: dict[str, Any]) -> Whole | OwnLoop:
    """Its own loop where sentences differ in length."""
    return (OwnLoop if case.is_ragged else Whole)(case, options)


if __name__ == "__main__":
    serve(make, ("dynast", "torch", "transformers", "numpy"))
