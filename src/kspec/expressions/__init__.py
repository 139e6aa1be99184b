"""Expressions over plain JSON: JSONPath, JMESPath, conversions and bounded patterns. All pure."""
