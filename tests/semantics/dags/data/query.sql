select {{ params.column }} from {{ ds }} -- {{ word_macro }} {{ "shout me" | shout }} {{ ti.task_id }}
