"""The keys that encrypt what the stack keeps, as the template names them."""

KEY = {"Fn::If": ["OwnKey", {"Fn::GetAtt": ["DataKey", "Arn"]}, {"Ref": "KmsKey"}]}
KEY_OR_NONE = {
    "Fn::If": [
        "OwnKey",
        {"Fn::GetAtt": ["DataKey", "Arn"]},
        {"Fn::If": ["Encrypted", {"Ref": "KmsKey"}, {"Ref": "AWS::NoValue"}]},
    ]
}
