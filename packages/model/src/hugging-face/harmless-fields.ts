/** Fields of config.json that change nothing a model of any format computes, by the reason why. */

/** About the file: where it comes from, and what belongs to it. */
const provenance = [
  ...["transformers_version", "_name_or_path", "name_or_path", "_commit_hash", "tokenizer_class", "tokenizer_type"],
  ...["transformers.js_config", "sentence_transformers", "unsloth_fixed", "unsloth_version"],
];

/** Read by whoever chooses the format. */
const identity = ["model_type", "architectures"];

/** How a forward runs and what it returns besides; its values are the same. */
const execution = [
  ...["output_hidden_states", "output_attentions", "output_scores", "return_dict", "return_dict_in_generate"],
  ...["use_cache", "output_past", "attn_implementation", "_attn_implementation", "_attn_implementation_autoset"],
  ...["chunk_size_feed_forward", "gradient_checkpointing", "torchscript", "use_bfloat16", "tf_legacy_loss"],
];

/** The type the weights were saved in; the tensors have their own. */
const types = ["dtype", "torch_dtype"];

/** Which tokens are special, for those who write and read text. */
const tokens = [
  ...["bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "cls_token_id", "mask_token_id", "unk_token_id"],
  ...["decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id", "prefix"],
];

/** Of `generate`, as transformers 4 saved them. */
const generation = [
  ...[
    "max_length",
    "min_length",
    "do_sample",
    "early_stopping",
    "num_beams",
    "num_beam_groups",
    "num_return_sequences",
  ],
  ...["temperature", "top_k", "top_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "diversity_penalty"],
  ...["repetition_penalty", "encoder_repetition_penalty", "length_penalty", "exponential_decay_length_penalty"],
  ...["no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "bad_words_ids", "suppress_tokens"],
  ...["begin_suppress_tokens", "remove_invalid_values", "task_specific_params"],
];

/** Names and number of classes, in formats and architectures without a head for them. */
const labels = ["id2label", "label2id", "num_labels", "_num_labels", "problem_type", "finetuning_task"];

/** Fields that are harmless in every format that does not read them. */
export const harmlessEverywhere: readonly string[] = [
  ...provenance,
  ...identity,
  ...execution,
  ...types,
  ...tokens,
  ...generation,
  ...labels,
];
